"""`make mutants`: guards taken out one at a time, in a copy of the code, and which of them no test missed."""
