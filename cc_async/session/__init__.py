"""ONE request, sent well: signing, pacing, retrying and decoding."""
