"""Reading providers: what is asked, landed and kept."""
