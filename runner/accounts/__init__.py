"""What the runner knows of accounts beyond devices.yaml: which are on which phone, which can't be used.

devices.yaml says what the operator wants (`runner.farm`); here stands what runs have seen.
"""
