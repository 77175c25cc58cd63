"""Floor 5: the only faiss, torch, tiktoken, sentence-transformers, llmlingua: they build artifacts."""
