"""Data before they are trained on: folders read into clips, splits that hold, leaks found, archives fetched."""
