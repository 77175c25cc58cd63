"""What several layers share: turns, texts, edited requests, intervals."""
