"""What a machine without a GPU needs: a BLAS, powers of two, rotation as complex numbers."""
