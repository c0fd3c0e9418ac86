"""Who gets in: the first owner, invitations, and what allauth is told. The users themselves, with role and partner, are the store's."""
