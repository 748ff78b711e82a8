play template {{who}}
