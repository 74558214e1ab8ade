-- customers: every dated record of a customer.
SELECT source, id, customer, valid_from, name, plan, segment, cohort FROM customers ORDER BY customer, valid_from, id
