"""HOW it is done: Beam transforms and the Arrow kernels inside them."""
