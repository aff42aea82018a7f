"""The finance pack: one folder per month that needs no server, drawn from the marts and the ledger.

Owns how a statement looks as HTML, CSV, JSON, workbook and chart, and the freezing of a closed period's figures. Does
not own any figure: `warehouse/statements` reads them.
"""
