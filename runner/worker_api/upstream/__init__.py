"""The consumed side: this farm as a worker of somebody else's server.

client   the calls, and which failures mean "try again later"
mapping  an upstream's task → the request for one local task
media    files by https, into a content-addressed cache
links    which local task is which upstream's, and the outbox
taker    polls: takes tasks, follows retries and cancellations
reporter says what became of them
"""
