"""Letters to be sorted, and who sorts them."""
