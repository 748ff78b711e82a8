#!/no/such/python
