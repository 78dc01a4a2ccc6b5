"""Judging each site's data, from counts that SQL made: no participant's value ever comes here."""
