"""Makes the inputs of the example book from the lab's records: rate decks with constructed prices. Never imports tollbook."""
