"""From content to bytes, without the record: pages, DOCX, workbooks and charts."""
