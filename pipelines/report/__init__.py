"""What people read: pages and lists, rendered from a published snapshot."""
