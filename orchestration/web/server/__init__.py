"""What every request passes before a page: bounds, turns, connections, headers, and what is shown when it fails."""
