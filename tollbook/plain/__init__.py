"""Tollbook without a book: stateless functions over plain files and Arrow tables, and the commands made of them. No database, no Django.

    from tollbook.plain.rate import ...            price CDRs by a deck
    from tollbook.plain.reconcile import reconcile  two carriers' records compared, every difference explained
    from tollbook.plain.verify import ...          check a sealed close or a dispute pack
    from tollbook.plain.deck import load_deck      look into rate decks

Records go in as paths of CDR files or as Arrow tables in the schema `tollbook.core.cdr.CDR`; results come out as Arrow tables, so that
pandas, Polars and DuckDB read them as they are. Nothing here writes anywhere but where it is told to.
"""
