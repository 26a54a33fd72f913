"""Action Message Format, both encodings: values of commands and data, and of what media say of themselves."""
