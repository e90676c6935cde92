"""Where posts get their files: the library, folders of the host, and who may use which file.

A file is taken by one task, in one transaction, and is never taken again once it is published. Getting it
onto a phone is the business of `runner.phones`.
"""
