"""The API of a book under /api/v1: the same data and commands as the pages, for programs.

It owns addresses, the shape of requests and answers, tokens at the door and paging. It owns no rules, money or writes: those are core's
and flow's. Lists come from the definitions of the pages, so a column, a right or a filter is said once. See docs/guides/api.md.
"""
