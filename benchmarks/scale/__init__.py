"""The machine part of a cycle at growing sizes: time by stage, rows written and memory, beside the same in Prefect."""
