role template {{who}}
