"""Telephone exchanges: `signatures.prove` says whether a request is theirs, `fields.read_update` what it tells of a call.

Pure but for the field maps, which lie beside this file. Nothing here logs, and no message or repr holds a secret or a number.
"""
