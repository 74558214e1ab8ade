"""Weekly and quarterly reviews: typed documents made from figures handed in, and how they read as Markdown and HTML."""
