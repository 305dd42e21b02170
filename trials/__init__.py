"""Faults made from outside on a whole running system, and the audit that nothing was lost or doubled."""
