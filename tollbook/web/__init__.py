"""The web application of a book: pages for the people who read and decide. It owns the log-in, the look, tables and charts.

It does not own rules, money or writes: those are core's and flow's. Every page declares the right it needs (`web.page`).
Needs the `web` extra; nothing of the command line imports it except `tollbook serve`.
"""
