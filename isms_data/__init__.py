"""pandas in front of the iSMS.gr gateway."""
