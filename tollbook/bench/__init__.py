"""Measurements that anybody can repeat, with the other ways of doing the same work beside ours."""
