"""The built-in tools, a file each. A tool added here is offered to every task that allows it."""
