"""Simulation of the generated Verilog."""
