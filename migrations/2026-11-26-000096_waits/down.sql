-- Books only go forward; the wider table holds everything that the narrower one did.
SELECT 1;
