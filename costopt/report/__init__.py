"""Floor 5: result to cards to terminal, HTML, PNG, Markdown, JSON."""
