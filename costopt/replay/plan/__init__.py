"""Which requests a replay sends, what they can prove, and what they cost before any is sent."""
