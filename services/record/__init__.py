"""The record itself: database, operations, audit chain, keys, keeping and erasing."""
