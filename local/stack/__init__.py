"""The local stack: the embedded AWS, the offline servers, and the real template deployed onto them."""
