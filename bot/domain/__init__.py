"""What Recoup knows about money, invoices and decisions; standard library only."""
