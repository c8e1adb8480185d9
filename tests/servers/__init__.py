"""Which servers do the tests of the stores talk to? Stand-ins that are as strict as the real ones, over HTTP."""
