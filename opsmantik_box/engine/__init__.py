"""The engine owns the disk, and only it writes. apsw lives here and nowhere else."""
