"""The MCP server: the same use cases, for agents."""
