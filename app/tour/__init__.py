"""The demo: starts a shop and the app on this machine, walks through both as people would, and tells what it saw.

Everything it claims it has observed from outside: over HTTP, in the inbox, in a browser.
"""
