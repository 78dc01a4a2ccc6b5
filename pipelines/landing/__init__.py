"""Files that sites drop: which bytes, from whom, when, and were they all there?"""
