"""What people, machines and attackers ask for."""
