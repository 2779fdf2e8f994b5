"""Tables of answers about many pictures, and the pictures in them that are nearly the same."""
