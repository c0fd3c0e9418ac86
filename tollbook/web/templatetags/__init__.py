"""Tags every template has without loading them."""
