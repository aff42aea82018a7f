"""minutebook automation …"""
