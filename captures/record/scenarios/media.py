"""Media for the decoders: each codec once, two seconds or so."""
