"""Where claims are remembered, whatever happens to processes and views."""
