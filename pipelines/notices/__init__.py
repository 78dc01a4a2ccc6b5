"""Tell people how a night went when they are not looking."""
