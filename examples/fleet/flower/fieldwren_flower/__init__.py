"""The Flower App of a federation."""
